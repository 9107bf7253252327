// Ends a use of instructions.def.
#undef EBB_BINARY
#undef EBB_BINARY_TRAP
#undef EBB_UNARY
#undef EBB_UNARY_TRAP
#undef EBB_LOAD
#undef EBB_STORE
#undef EBB_BRANCH
#undef EBB_SPECIAL
