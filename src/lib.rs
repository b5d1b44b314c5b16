//! postroad: a small internet that carries e-mail, and shows every byte on every wire with what it means.
//!
//! # The road that data takes
//! ```text
//! scenario ──► world ──taps──► trace ───► dissect ───► explain ───► view
//! who, what,   hosts, links,   Record,    Step: one    Note: what   plain · json
//! which faults clock, roles    Transcript command or   it means,
//!                 ▲                       reply, with  and why
//!               proto                     byte spans     state: a fold over Steps and Facts
//!            (pure machines)
//! ```
//! Everything is a transcript: a journey runs to its end in virtual time, and what is shown is its transcript.
//!
//! # Who may import whom
//! `proto` and `trace` import nothing but `base`. `import` writes `trace` from captures. `dissect` reads `trace` with proto's grammars. `state` folds
//! `dissect`'s Steps and `trace`'s Facts. `explain` adds notes. `lesson` asks about stories. `view` renders. `world` runs proto's machines and
//! writes `trace`. Only `cli` sees everything. `tests/architecture.rs` holds this.
//!
//! # Read these five files first
//! 1. [`proto`]: the contract of a machine.
//! 2. [`trace::record`]: what a transcript holds.
//! 3. [`dissect::step`]: what a reader steps over.
//! 4. [`explain::note`]: what a Step is given to say.
//! 5. [`world`]: how the small internet is built and run.

pub mod base;
pub mod cli;
pub mod compare;
pub mod dissect;
pub mod explain;
pub mod import;
pub mod lesson;
pub mod proto;
pub mod state;
pub mod trace;
pub mod view;
pub mod world;
