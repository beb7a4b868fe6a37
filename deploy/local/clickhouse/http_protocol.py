"""ClickHouse's HTTP interface, for a browser, curl and Grafana: a statement in, its result in any format out.

`/?query=...` with GET (what changes nothing) or POST (anything; the body continues the statement or is the data of an
INSERT), settings and `param_<name>` as further arguments, `database`, `default_format`. `/ping` says Ok.
"""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from deploy.local.clickhouse.chdb_engine import EngineError, Session
from deploy.local.clickhouse.statements import Insert, format_of

READ_ONLY: Final = 164
_NOT_SETTINGS = {
    "query", "database", "default_format", "user", "password", "query_id", "session_id", "session_timeout",
    "session_check", "compress", "decompress", "enable_http_compression", "wait_end_of_query", "buffer_size",
    "quota_key", "role", "client_protocol_version", "http_headers_progress_interval_ms",
    "send_progress_in_http_headers",
}  # fmt: skip
_STATUS = {36: 400, 47: 404, 60: 404, 62: 400, 81: 404, 115: 404, 117: 400, READ_ONLY: 403}
_OURS = ("127.0.0.1", "localhost", "[::1]")


class _Handler(BaseHTTPRequestHandler):
    server: "HttpServer"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(may_write=False)

    def do_POST(self) -> None:
        self._answer(may_write=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass  # one line a request would be all that the log holds

    def _answer(self, *, may_write: bool) -> None:
        if not self._is_ours():
            return self._reply(403, b"The embedded ClickHouse answers to this machine only.\n")
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            return self._reply(411, b"Send the body with a Content-Length.\n")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        arguments = dict(parse_qsl(url.query, keep_blank_values=True))
        if url.path == "/ping" or not (arguments.get("query") or body):
            return self._reply(200, b"Ok.\n")
        try:
            output, result = self._run(arguments, body, may_write=may_write)
        except EngineError as failure:
            text = f"Code: {failure.code}. {failure.text}\n"
            return self._reply(
                _STATUS.get(failure.code, 500), text.encode(), {"X-ClickHouse-Exception-Code": str(failure.code)}
            )
        return self._reply(200, result, {"X-ClickHouse-Format": output, "Content-Type": _content_type(output)})

    def _is_ours(self) -> bool:
        """Asked under our own name and not by a page of another site: browsers let any page send to 127.0.0.1."""
        host = self.headers.get("Host", _OURS[0])
        origin = urlsplit(self.headers.get("Origin") or f"http://{_OURS[0]}").netloc
        return all(name.rpartition(":")[0] in _OURS or name in _OURS for name in (host, origin))

    def _run(self, arguments: dict[str, str], body: bytes, *, may_write: bool) -> tuple[str, bytes]:
        sql = arguments.get("query", "")
        if not sql.strip():
            sql, body = body.decode(errors="surrogateescape"), b""
        session = Session(self.server.folder)
        try:
            if database := arguments.get("database") or self.headers.get("X-ClickHouse-Database"):
                session.use(database)
            session.configure(
                {
                    name: value
                    for name, value in arguments.items()
                    if name not in _NOT_SETTINGS and not name.startswith("param_")
                }
            )
            insert = Insert.parse(sql)
            if not may_write:
                if insert or session.may_write(sql):
                    raise EngineError("Cannot execute query in readonly mode: send it with POST", READ_ONLY)
                session.query("SET readonly = 1")  # refuses files and URLs too, which a page elsewhere could ask for
            if insert:
                session.insert(insert, insert.data_format, [insert.rows.encode(errors="surrogateescape"), body])
                return "TabSeparated", b""
            sql += body.decode()
            output = (
                format_of(sql)
                or arguments.get("default_format")
                or self.headers.get("X-ClickHouse-Format")
                or "TabSeparated"
            )
            return output, session.query(
                sql, output, {name[6:]: value for name, value in arguments.items() if name.startswith("param_")}
            )
        finally:
            session.close()

    def _reply(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "text/plain; charset=UTF-8"} | (headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _content_type(output: str) -> str:
    if output.startswith("JSON"):
        return "application/json; charset=UTF-8"
    if output.startswith("CSV"):
        return "text/csv; charset=UTF-8"
    return (
        "text/tab-separated-values; charset=UTF-8" if output.startswith(("Tab", "TSV")) else "application/octet-stream"
    )


class HttpServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1 and answers for the engine whose data is in `folder`."""

    daemon_threads = True

    def __init__(self, port: int, folder: Path) -> None:
        self.folder = folder
        super().__init__(("127.0.0.1", port), _Handler)
