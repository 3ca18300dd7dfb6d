"""Say what a name, a folder or a file is: a project, a copy's name, a companion, a cloud folder."""
