"""The operations by subject: each module has a class whose `operations` are its rows of the table."""
