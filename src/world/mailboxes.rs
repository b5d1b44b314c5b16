//! Accounts and their mailboxes: UIDs, flags, modification sequences.
