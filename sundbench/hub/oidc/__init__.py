"""Logging in through the site's identity provider, by OpenID Connect.

The provider says who someone is, and how they proved it. What they may do is governance's to say: no claim of
a token gives a right, and a required group can only keep people out.
"""
