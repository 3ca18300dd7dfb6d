"""Tests of what one repository has that another has not, on repositories that git made."""
