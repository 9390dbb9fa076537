"""How all five systems stand, on one page: what is protected, how old it is, what is wrong."""
