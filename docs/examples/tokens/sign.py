#!/usr/bin/python3
"""A player token, signed with HS256 and nothing but Python: sign.py KEY-ID SECRET PLAYER SESSION"""
import base64
import hashlib
import hmac
import json
import sys
import time


def letters(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sign(key_id, secret, claims):
    header = {"alg": "HS256", "kid": key_id}
    text = ".".join(letters(json.dumps(part).encode()) for part in (header, claims))
    secret = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    return text + "." + letters(hmac.digest(secret, text.encode(), hashlib.sha256))


if __name__ == "__main__":
    key_id, secret, player, session = sys.argv[1:]
    print(sign(key_id, secret, {"sub": player, "create": {"name": session, "players_max": 8}, "exp": int(time.time()) + 60}))
