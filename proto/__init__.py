"""The wire messages of BuildKit that we use: our own minimal `.proto` files and the modules made from them.

Names and numbers are those of BuildKit; messages and fields we never send or read are left out, because
protobuf carries what it does not know along. `tools/gen-proto` makes the modules anew.
"""
