//! One side's bytes of one layer, with where and when they came.
