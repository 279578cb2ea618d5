select nothing() is null and one() = 1;
