"""Events: what happens to a person on a day, in the words of a protocol and as rows of the views."""
