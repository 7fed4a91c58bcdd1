"""Acme is the organisation of all simulated vendors. It has 60 people and 8 teams.

Names and numbers are invented. E-mail addresses use example.com, phone numbers use ranges that no operator assigns.
"""

from connectors.simulator.world import Person, Team, World

_PEOPLE = """
ana|Ana Keller|Europe/Berlin|Site Reliability Lead
bo|Bo Lindqvist|Europe/Berlin|Site Reliability Engineer
carla|Carla Moretti|Europe/Berlin|Platform Engineer
deniz|Deniz Aydin|Europe/Berlin|Platform Engineer
emil|Emil Novák|Europe/Berlin|Platform Engineer
fatou|Fatou Diallo|Europe/Berlin|Build Engineer
greta|Greta Sommer|Europe/Berlin|Engineering Manager
henrik|Henrik Vang|Europe/Berlin|Database Administrator
ines|Inês Carvalho|Europe/Lisbon|Payments Engineer
jonas|Jonas Brandt|Europe/Berlin|Payments Engineer
katya|Katya Petrova|Europe/Berlin|Payments Engineer
liam|Liam O'Connor|Europe/London|Payments Lead
maeve|Maeve Byrne|Europe/London|Payments Engineer
nadia|Nadia Rahman|Europe/London|Security Engineer
oscar|Oscar Fields|Europe/London|Support Engineer
priya|Priya Nair|Asia/Kolkata|Data Engineer
quentin|Quentin Leroy|Europe/Paris|Data Engineer
rohan|Rohan Mehta|Asia/Kolkata|Data Engineer
sunita|Sunita Rao|Asia/Kolkata|Data Lead
tarun|Tarun Iyer|Asia/Kolkata|Database Administrator
uma|Uma Krishnan|Asia/Kolkata|Database Administrator
vikram|Vikram Shah|Asia/Kolkata|Support Engineer
wei|Wei Zhang|Australia/Sydney|Network Engineer
xanthe|Xanthe Collins|Australia/Sydney|Network Engineer
yusuf|Yusuf Karim|Australia/Sydney|Network Lead
zoe|Zoë Harper|Australia/Sydney|Support Engineer
amir|Amir Haddad|Australia/Sydney|Mobile Engineer
bella|Bella Thornton|Australia/Sydney|Mobile Engineer
cody|Cody Barnes|America/New_York|Site Reliability Engineer
dana|Dana Whitfield|America/New_York|Site Reliability Engineer
elliot|Elliot Park|America/New_York|Platform Engineer
farah|Farah Aziz|America/New_York|Data Engineer
gus|Gus Ramirez|America/New_York|Security Lead
hope|Hope Sinclair|America/New_York|Security Engineer
isaac|Isaac Stone|America/New_York|Security Engineer
jade|Jade Monroe|America/New_York|Release Manager
kim|Kim Lee|America/New_York|Mobile Engineer
kim2|Kim Lee|Australia/Sydney|Support Engineer
leo|Leo Fischer|America/Chicago|Mobile Lead
mona|Mona Castillo|America/Chicago|Mobile Engineer
nils|Nils Hagen|America/Chicago|Release Engineer
olga|Olga Ivanova|America/Chicago|Release Engineer
pablo|Pablo Reyes|America/Los_Angeles|Support Lead
quinn|Quinn Avery|America/Los_Angeles|Support Engineer
rosa|Rosa Delgado|America/Los_Angeles|Support Engineer
sam|Sam Okafor|America/Los_Angeles|Release Engineer
tess|Tess Nguyen|America/Los_Angeles|Release Engineer
uri|Uri Cohen|Asia/Jerusalem|Network Engineer
vera|Vera Santos|America/Santiago|Network Engineer
walt|Walt Jennings|America/New_York|Director of Engineering
xia|Xia Chen|America/Los_Angeles|Data Engineer
yara|Yara Mansour|Europe/Paris|Mobile Engineer
zane|Zane Miller|America/New_York|Database Administrator
alma|Alma Jensen|Europe/Berlin|Vice President Operations
boris|Boris Wolf|Europe/Berlin|Auditor
celia|Célia Dubois|Europe/Paris|Customer Success Manager
dev|Devika Menon|Asia/Kolkata|Release Engineer
eli|Eli Thompson|Australia/Lord_Howe|Site Reliability Engineer
finn|Finn Larsen|Europe/Berlin|Working Student
gita|Gita Bose|Asia/Kolkata|Security Engineer
"""

_TEAMS = """
platform|Platform|Keeps the ground under everybody's feet|ana bo carla deniz emil greta cody dana elliot eli|
payments|Payments|Money in, money out|liam ines jonas katya maeve greta|
data|Data|Pipelines and databases|sunita priya quentin rohan tarun uma henrik zane farah xia|platform
mobile|Mobile|Both apps|leo amir bella kim mona yara|
security|Security|Reads every log|gus nadia hope isaac gita|
support|Support|First to hear|pablo oscar vikram zoe quinn rosa kim2|
network|Network|Cables, clouds and everything between|yusuf wei xanthe uri vera|platform
release|Release Engineering|Ships it|jade nils olga sam tess fatou dev|
"""

_MAILBOXES = {"kim2": "kim.lee.sydney", "ana": "Ana.Keller"}
_PLAIN = str.maketrans("áàâäãéèêëíóöôúüñç", "aaaaaeeeeiooouunc")


def _phone(zone: str, number: int) -> tuple[int, str]:
    """Return (country code, number) from a range that the country reserves for fiction or does not use."""
    if zone.startswith("Europe/London"):
        return 44, f"2079460{number:03}"
    if zone.startswith("Europe/"):
        return 49, f"3023125{number:03}"
    if zone.startswith("Australia/"):
        return 61, f"255500{number:03}"
    if zone.startswith("Asia/"):
        return 91, f"5550100{number:03}"
    return 1, f"5185550{100 + number % 100}"


def _mailbox(key: str, name: str) -> str:
    plain = name.lower().translate(_PLAIN).replace("'", "").replace(" ", ".")
    return _MAILBOXES.get(key, plain) + "@example.com"


def acme() -> World:
    """Return the organisation. Every call returns the same."""
    people = []
    for number, line in enumerate(_PEOPLE.strip().splitlines()):
        key, name, zone, title = line.split("|")
        people.append(Person(key, name, _mailbox(key, name), _phone(zone, number), zone, title))
    teams = []
    for line in _TEAMS.strip().splitlines():
        key, name, description, members, parent = line.split("|")
        teams.append(Team(key, name, description, tuple(members.split()), parent or None))
    return World("acme", "Europe/Berlin", tuple(people), tuple(teams))
