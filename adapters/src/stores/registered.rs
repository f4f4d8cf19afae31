//! Records with an id, a unique name and a version: what tables of them have to know.

use switchboard_domain::ids::Version;
use switchboard_ports::agents::{AGENTS_MAX, AgentConfig};
use switchboard_ports::channels::{CHANNELS_MAX, Channel};
use switchboard_ports::error::StoreError;

use super::records::{AgentRecord, ChannelRecord, Row};

/// A record with an id, a unique name and a version, and its table.
pub(super) trait Registered: Send + Sync + Sized + 'static {
    const TABLE: &'static str;
    const ROWS_MAX: usize;
    fn id(&self) -> &str;
    fn name(&self) -> &str;
    fn version(&self) -> Version;
    fn write(&self, row: &Row<'_>) -> Result<String, StoreError>;
    fn read(body: &str, version: Version, row: &Row<'_>) -> Result<Self, StoreError>;
}

/// A record's identity is its own.
macro_rules! registered {
    ($row:ident, $record:ident, $table:literal, $rows_max:expr) => {
        impl Registered for $row {
            const TABLE: &'static str = $table;
            const ROWS_MAX: usize = $rows_max;

            fn id(&self) -> &str {
                self.id.as_str()
            }

            fn name(&self) -> &str {
                &self.name
            }

            fn version(&self) -> Version {
                self.version
            }

            fn write(&self, row: &Row<'_>) -> Result<String, StoreError> {
                row.write(&$record::seal(self, row)?)
            }

            fn read(body: &str, version: Version, row: &Row<'_>) -> Result<Self, StoreError> {
                row.read::<$record>(body)?.open(version, row)
            }
        }
    };
}

registered!(Channel, ChannelRecord, "channels", CHANNELS_MAX);
registered!(AgentConfig, AgentRecord, "agents", AGENTS_MAX);
