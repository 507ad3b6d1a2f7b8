"""The tests that stand in the wrappers, run as `planemo test` runs them: by Galaxy's own runner, on a server.

Their datasets are uploaded once for all of them: an upload takes Galaxy longer than most of the tools.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from galaxy_conf import BATCH_TOOLS, TOOL, WRAPPERS
from lxml import etree

# Galaxy's own, and not of what is tested
pytestmark = [pytest.mark.galaxy, pytest.mark.filterwarnings("ignore")]

TOOLS = {
    tool.get("id"): len(tool.findall("tests/test"))
    for tool in (etree.parse(path).getroot() for path in sorted(WRAPPERS.rglob("*.xml")))
    if tool.tag == "tool"
}
TESTS = [(tool, i) for tool, n in TOOLS.items() for i in range(n)]


@pytest.fixture(scope="module")
def runs(request, galaxy, uploaded):
    """The selected tests, under way, four at a time."""
    from galaxy.tool_util.verify import interactor

    key = galaxy.session.headers["x-api-key"]
    runner = interactor.GalaxyInteractorApi(
        galaxy_url=galaxy.url,
        master_api_key=key,
        api_key=key,
        test_data=[str(path) for path in WRAPPERS.glob("tools/*/test-data")],
    )
    runner.uploads = {name: {"src": "hda", "id": dataset["id"]} for name, dataset in uploaded.items()}

    def stage(_runner, _tool, test_data, **_others):
        assert {data["fname"] for data in test_data} <= set(runner.uploads)

    selected = " ".join(item.name for item in request.session.items)
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(4) as pool:
        patch.setattr(interactor, "stage_data_in_history", stage)
        yield {
            (tool, i): pool.submit(interactor.verify_tool, tool, runner, test_index=i, quiet=True)
            for tool, i in TESTS
            if f"[{tool}-{i}]" in selected
        }


def test_all_tools_have_tests():
    assert set(TOOLS) == {TOOL, *BATCH_TOOLS}
    assert all(TOOLS.values())


@pytest.mark.parametrize(("tool", "index"), TESTS)
def test_of_the_wrapper(runs, tool, index):
    runs[tool, index].result()
