"""What people do to a lot beside the course of its route, mostly signed: each verb is a row of one table."""
