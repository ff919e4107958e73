# ruff: noqa: N802 (the names are those of unittest)
import sys
import unittest
from xml.etree import ElementTree


def tell(error):
    """What cannot be imported carries its whole traceback; its last line says why."""
    return (
        str(error).strip().splitlines()[-1] if isinstance(error, ImportError) and str(error) else repr(error)
    )


class Reporting(unittest.TextTestResult):
    report = ElementTree.Element("testsuite", name="unittest")

    def note(self, test, kind="", said=""):
        case = ElementTree.SubElement(self.report, "testcase", name=ascii(test.id())[1:-1])
        if kind:
            ElementTree.SubElement(case, kind, message=ascii(said)[1:-1])

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, "failure", tell(err[1]))

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, "error", tell(err[1]))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skipped", reason)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.note(test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note(test, "failure", "it was expected to fail and did not")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(subtest, "failure", repr(err[1]))


suite = unittest.TestLoader().discover(sys.argv[1], top_level_dir=sys.argv[2])
result = unittest.TextTestRunner(resultclass=Reporting).run(suite)
ElementTree.ElementTree(Reporting.report).write(".bridle/reports/tests.xml", encoding="utf-8")
sys.exit(not result.wasSuccessful())
