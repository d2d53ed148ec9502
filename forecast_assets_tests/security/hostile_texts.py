"""Texts that a page might take for more than text, and that then run or fetch something."""

from forecast_assets_tests.web import Server

RAN = "window.ran"
"""What a script sets if it runs."""


def hostile_texts(outside: Server) -> list[str]:
    """One text for each way; what is fetched would be asked of a server."""
    url = outside.url
    return [
        f"<script>{RAN}=1</script>",
        f"<img src=x onerror={RAN}=1>",
        f"<img src={url}/image>",
        f"<svg onload={RAN}=1>",
        f'<a href="javascript:{RAN}=1" autofocus onfocus={RAN}=1>link</a>',
        f'"><iframe src="{url}/frame"></iframe>',
        '<iframe src="data:text/html,<script>parent.ran=1</script>"></iframe>',
        f'</td><style>@import "{url}/style";</style>',
        f'<link rel="stylesheet" href="{url}/sheet">',
        f'<object data="{url}/object"></object>',
        f"![picture]({url}/markdown)",
        f"[link](javascript:{RAN}=1)",
        f"[reference][1]\n\n[1]: javascript:{RAN}=1",
        f"![picture](data:image/svg+xml,<svg onload={RAN}=1>)",
        f"`code` | cell | {url}/address",
        f"{{{{constructor.constructor('{RAN}=1')()}}}}",
    ]
