# What people run often; `just` lists it. Everything here is a plain cargo command too.

default:
    @just --list

# The journey, as a student sees it.
journey *ARGS:
    cargo run --quiet --release -- journey {{ARGS}}

# All tests.
test:
    cargo test

# What CI runs.
ci:
    bash .ci/run

# Format and lint.
lint:
    cargo fmt
    cargo clippy --all-targets -- -D warnings

# The benches that benches/README.md speaks of.
bench *ARGS:
    cargo bench {{ARGS}}

# Record the golden transcripts again, after a change that means to change them.
bless:
    POSTROAD_BLESS=1 cargo test --test journey --test book

# The book as a site, in target/book; needs mdbook.
book:
    mdbook build book
