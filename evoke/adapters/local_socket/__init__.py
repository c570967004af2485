"""Progress between the processes of one machine, over Unix datagrams."""
