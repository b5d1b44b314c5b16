//! The transport behind one small trait; nothing else opens a socket.
