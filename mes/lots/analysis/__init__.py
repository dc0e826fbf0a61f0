"""What maps say together: substrates laid upon each other, yields by zone, signatures, bins before and after a step."""
