select mood is null and other = 'good' from person;
