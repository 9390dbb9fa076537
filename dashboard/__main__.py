"""`make reference`: brings the dashboard of the template up to date."""

from dashboard.generate import TEMPLATE, fill

if __name__ == "__main__":
    TEMPLATE.write_text(fill(TEMPLATE.read_text()))
