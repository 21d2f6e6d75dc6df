"""The JSON API under /api/v1: what the pages show and do, for programs that carry a token.

    operation.py   what one call is: method, path, scope, role, and the models of what it takes and answers
    caller.py      whose token it is; there are no cookies and so no forged requests
    problem.py     errors as RFC 9457 has them
    serving.py     operations as routes
    document.py    operations as an OpenAPI document
    asks.py, shapes.py, shapes_around.py    the models: what is asked, and what is answered
    entries.py, json_feed.py, atom.py, feeds.py    the queue for feed readers

The other files hold the operations. Whatever a page does as well is a function that both call.
"""
