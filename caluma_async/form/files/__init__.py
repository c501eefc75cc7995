"""What is uploaded for files answers: where it is kept, under which names, and how it gets there and back.

Rows of files are the domain's; nothing here decides who may have an address.
"""
