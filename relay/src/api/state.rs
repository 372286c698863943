//! The state that the handlers of the API share.

use shared::base::room::Room;
use shared::replica::access::{self, Act, Principal};
use shared::replica::io::{Command, CommandRejection, Reply};
use shared::schema::Schema;

use super::docs::Documents;
use super::events::Listeners;
use super::problem::Problem;
use crate::app::App;
use crate::node::NodeHandle;

/// The state that every handler of the API sees.
#[derive(Clone, Debug)]
pub struct Api {
    pub app: App,
    pub listeners: Listeners,
    pub documents: Documents,
}

impl Api {
    pub fn node(&self) -> &NodeHandle {
        &self.app.node
    }

    pub fn schema(&self) -> &Schema {
        &self.app.node.me().schema
    }

    /// Has this relay's replica carry out a command of an editor. What the log refuses is a problem, too.
    pub async fn command(&self, room: Room, command: Command) -> Result<Reply, Problem> {
        access::may(Principal::Editor, &Act::Command(&command)).map_err(CommandRejection::from)?;
        match self.node().command(room, command).await?? {
            Reply::Decided(_, Err(rejection)) => Err(rejection.into()),
            reply => Ok(reply),
        }
    }
}
