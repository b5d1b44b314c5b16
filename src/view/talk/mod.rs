//! Talk: a student types SMTP, POP3 or IMAP at a server of the simulated internet, and sees what each line does.
//!
//! Where it stands on the road: beside the screens, which show it. What was typed so far is one change of the scenario,
//! and the world runs again from the start with it: nobody waits inside stopped time, and taking a line back is free.
//! [`Talk`] keeps what was typed and what came of it, [`coach`] knows the next line and says what a no means.

pub mod coach;
mod session;

pub use coach::{Shown, Ways};
pub use session::{Desk, Login, Mode, Talk};
