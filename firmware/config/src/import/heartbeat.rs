pub(super) fn read(_: &super::text::Text<'_>, _: Option<&super::text::Text<'_>>, _: &mut super::draft::Draft) -> Result<(), crate::report::Error> { Ok(()) }
