//! Heartbeat's `haresources` (which addresses and programs move together) and `ha.cf` (who the nodes are and how they
//! hear each other).

mod cluster;
mod resources;

use super::draft::Draft;
use super::text::Text;
use crate::report::Error;

pub(super) fn read(text: &Text<'_>, ha_cf: Option<&Text<'_>>, draft: &mut Draft) -> Result<(), Error> {
    let cluster = match ha_cf {
        Some(ha_cf) => {
            draft.notes.about(ha_cf.file());
            let cluster = cluster::read(ha_cf, draft);
            draft.notes.about(text.file());
            cluster?
        }
        None => {
            let why = "the nodes, what is pinged and whether resources move back are in ha.cf, which was not read";
            draft.notes.fill_in(0, "ha.cf", why, "--ha-cf FILE, or a file of that name beside haresources");
            cluster::Cluster::default()
        }
    };
    resources::read(text, &cluster, draft)
}
