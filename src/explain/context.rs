//! What a note says only here: names, numbers, what came before.
