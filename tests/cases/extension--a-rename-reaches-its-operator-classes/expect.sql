select feeling::text = 'happy' from memo;
