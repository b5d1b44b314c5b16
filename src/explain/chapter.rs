//! Which stage of the road a Step belongs to.
