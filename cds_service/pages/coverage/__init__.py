"""The coverage list: what the policies say of each code, for a person, a table or a program."""
