"""What a browser makes of the page: its elements and attributes, and the text outside of style and script."""

from collections import Counter
from html.parser import HTMLParser


class Read(HTMLParser):
    """A page taken apart. ``shapes`` counts each element with the names of its attributes."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.shapes = Counter()
        self.values = []
        self.texts = []
        self.unclosed = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.shapes[tag, tuple(name for name, _ in attrs)] += 1
        self.values += [(tag, name, value) for name, value in attrs]
        if tag not in ("img", "input", "meta"):
            self.unclosed.append(tag)

    def handle_endtag(self, tag):
        assert self.unclosed.pop() == tag

    def handle_data(self, data):
        if self.unclosed and self.unclosed[-1] not in ("style", "script"):
            self.texts.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def of(self, tag, name):
        return [value for its, attribute, value in self.values if (its, attribute) == (tag, name)]
