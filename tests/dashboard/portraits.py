"""A person's portrait with everything in it."""

from datetime import timedelta

from lifecycle.core.evidence import GENESIS, Record, Tag
from lifecycle.core.portrait import Going, Held, Portrait, Said
from tests.dashboard.pages import NOW


def portrait(text: str = "", *, called=None, page: int = 2) -> Portrait:
    """`text` is in every place that comes from outside."""
    name = f"E1001{text}"
    details = [
        (Tag.PLANNED, {"plan": "3f" * 32, "steps": [f"assign clinical-apps{text}"]}),
        (Tag.INTENDED, {"package": f"clinical-apps{text}", "kind": "adminAdd", "why": [f"rule nurses{text}"]}),
        (Tag.ENDED, {f"package{text}": f"clinical-apps{text}", "state": "delivered"}),
    ]
    records = tuple(
        Record(name, 120 - at, GENESIS, NOW - timedelta(hours=at), tag, f"event:joined-1{text}", detail)
        for at, (tag, detail) in enumerate(reversed(details))
    )
    return Portrait(
        person=name,
        workers=(name, f"C77{text}"),
        people=(f"P9{text}",),
        user=f"7be1b4f4-12ab-4c8f-9a58-1f2f7c9e6d00{text}",
        at=NOW,
        next_look=NOW + timedelta(days=3),
        late=NOW - timedelta(days=1) if text else None,
        waits=(f"a release of run drift:1: remove finance-erp{text}",),
        held=(
            Held(f"clinical-apps{text}", f"row-1{text}", NOW - timedelta(days=90), NOW + timedelta(days=20)),
            Held(f"finance-erp{text}", f"row-2{text}", NOW - timedelta(days=10), None, taken=True),
        ),
        going=(Going(f"base{text}", "adminAdd", "submitted", NOW, NOW, f"request-1{text}", f"event:joined-1{text}"),),
        said=(Said("lifecycle.worker.joined", f"joined-1{text}", f"/hr/test{text}", NOW, "2026-08-24", f"p1{text}"),),
        records=records,
        length=170,
        page=page,
        pages=4,
        called=called or {},
    )
