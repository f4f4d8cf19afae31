//! What is read out of responses of every shape.
