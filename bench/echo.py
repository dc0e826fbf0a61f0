"""A stock FastAPI application that answers with what it was asked: what the same requests cost without an MES."""

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.post("/api/v1/lots", status_code=201)
def create(body: dict[str, Any]) -> dict[str, Any]:
    """Create and release."""
    return body


@app.post("/api/v1/lots/{lot}/track-in")
def track_in(lot: str, body: dict[str, Any]) -> dict[str, Any]:
    """Track in."""
    return {"lot": lot, **body}


@app.post("/api/v1/lots/{lot}/track-out")
def track_out(lot: str, body: dict[str, Any]) -> dict[str, Any]:
    """Track out."""
    return {"lot": lot, **body}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
