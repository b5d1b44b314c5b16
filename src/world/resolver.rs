//! Name resolution for hosts of the world, by hickory-resolver over our own network.
