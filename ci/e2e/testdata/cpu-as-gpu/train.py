raise SystemExit("no training without a GPU that computes")
