//! The fields of a page's form, as a browser would send them.

/// Names and values, in the order of the page.
pub type Fields = Vec<(String, String)>;

/// What the form with `button` in it would send, buttons aside; nothing when no form has it.
pub fn fields(html: &str, button: &str) -> Fields {
    let forms = html.split("<form ").skip(1).filter_map(|form| form.split("</form>").next());
    let form = forms.into_iter().find(|form| form.contains(button)).unwrap_or_default();
    let mut fields = Fields::new();
    let mut rest = form;
    while let Some(at) = rest.find('<') {
        let tag = &rest[at + 1..];
        let (head, behind) = tag.split_once('>').unwrap_or((tag, ""));
        rest = behind;
        let Some(name) = attribute(head, "name") else { continue };
        let value = match head.split(' ').next() {
            Some("input") => attribute(head, "value").unwrap_or_default(),
            Some("select") => chosen(behind.split("</select>").next().unwrap_or_default()),
            Some("textarea") => {
                let text = behind.split("</textarea>").next().unwrap_or_default();
                unescape(text.strip_prefix('\n').unwrap_or(text))
            }
            _ => continue,
        };
        let unchecked = matches!(attribute(head, "type").as_deref(), Some("radio" | "checkbox"))
            && !head.split(' ').any(|word| word == "checked");
        if !unchecked {
            fields.push((name, value));
        }
    }
    fields
}

/// Types `value` into the field `name`, which has to be there.
pub fn set(fields: &mut Fields, name: &str, value: &str) -> crate::Result<()> {
    let missing = || crate::error::LabError::Answer(format!("there is no field {name}"));
    let field = fields.iter_mut().find(|(field, _)| field == name).ok_or_else(missing)?;
    value.clone_into(&mut field.1);
    Ok(())
}

fn chosen(options: &str) -> String {
    let mut heads = options.split("<option").skip(1).filter_map(|option| option.split('>').next());
    let first = heads.clone().next().unwrap_or_default();
    attribute(heads.find(|head| head.contains(" selected")).unwrap_or(first), "value").unwrap_or_default()
}

fn attribute(head: &str, name: &str) -> Option<String> {
    let behind = head.split_once(&format!(" {name}=\""))?.1;
    behind.split('"').next().map(unescape)
}

fn unescape(text: &str) -> String {
    let marks = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    marks.iter().fold(text.to_owned(), |text, (mark, sign)| text.replace(mark, sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read() {
        let html = "<form method=\"get\"><input name=\"other\"></form><form class=\"stack\" method=\"post\">\
                    <input type=\"hidden\" name=\"a\" value=\"1&#38;2\"><button name=\"do\" value=\"try\">x</button>\
                    <select id=\"b\" name=\"b\"><option value=\"x\">x</option><option value=\"y\" selected>y</option></select>\
                    <textarea name=\"c\">\nline &#60;\n</textarea><input type=\"radio\" name=\"d\" value=\"no\">\
                    <input type=\"radio\" name=\"d\" value=\"yes\" checked></form>";
        let read = fields(html, "value=\"try\"");
        let read: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read, [("a", "1&2"), ("b", "y"), ("c", "line <\n"), ("d", "yes")]);
        assert!(fields(html, "value=\"none\"").is_empty());
    }
}
