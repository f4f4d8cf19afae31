//! What stands around the pages of one channel.

use maud::{Markup, html};
use switchboard_ports::channels::Channel;

use crate::panel::frame::{Section, inside};
use crate::panel::texts::Key;
use crate::panel::visitor::Visitor;

/// A page of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Settings,
    Access,
    Conversations,
    Failures,
    History,
    Log,
}

/// In this order: the path's end, and the name.
const TABS: [(Tab, &str, Key); 7] = [
    (Tab::Overview, "", Key("tab-overview")),
    (Tab::Settings, "/settings", Key("tab-settings")),
    (Tab::Access, "/access", Key("tab-access")),
    (Tab::Conversations, "/conversations", Key("tab-conversations")),
    (Tab::Failures, "/failures", Key("tab-failures")),
    (Tab::History, "/history", Key("tab-history")),
    (Tab::Log, "/log", Key("tab-log")),
];

/// The page, with the way to the channel's others.
pub(super) fn around(visitor: &Visitor, channel: &Channel, here: Tab, content: &Markup) -> Markup {
    let t = visitor.texts();
    inside(
        visitor,
        Section::Channels,
        &channel.name,
        &html! {
            h1 { bdi { (channel.name) } @if channel.managed_by_file { " " span.tag { (t.say("managed-by-file")) } } }
            ul.tabs {
                @for (tab, end, name) in TABS {
                    li {
                        a href=(format!("/panel/channels/{}{end}", channel.id)) aria-current=[(tab == here).then_some("page")] {
                            (t.told(name))
                        }
                    }
                }
            }
            (content)
        },
    )
}
