"""What test modules of several folders share: data, processes, runs, documents. No test module imports another one."""
