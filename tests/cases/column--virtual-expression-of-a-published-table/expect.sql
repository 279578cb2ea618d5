select g = 3 from published;
