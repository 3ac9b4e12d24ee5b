//! The network of the box: its NICs and routes as they are, and what of them the configuration asks for.

use crate::language::Text;
use crate::visitor::{Answer, Frame, SignedIn, page};
use api::{Link, Network};
use askama::Template;
use config::Named;

#[derive(Template)]
#[template(path = "network.html")]
struct NetworkPage {
    frame: Frame,
    t: Text,
    network: Network,
}

impl NetworkPage {
    fn link(&self, link: &Link) -> &'static str {
        match link {
            Link::Up => self.t.say("overview.link_up"),
            Link::Down => self.t.say("overview.link_down"),
            Link::Missing => self.t.say("overview.link_missing"),
        }
    }
}

pub(crate) async fn get(signed: SignedIn) -> Answer {
    let network = signed.client.network().await.map_err(|error| signed.stop(error))?;
    Ok(page(&NetworkPage { frame: signed.frame("network", None), t: signed.t, network }, None))
}
