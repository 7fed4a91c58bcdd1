"""Names of time zones that are not in the IANA data, but that vendors and their customers' directories send.

``connectors.zones.timezones`` decides how they are used.
"""

LINKS_BY_PLACE = {
    # Current tzdata has these as zones of their own, although they are only other names for a place's rules.
    "EST5EDT": "America/New_York",
    "CST6CDT": "America/Chicago",
    "MST7MDT": "America/Denver",
    "PST8PDT": "America/Los_Angeles",
    # tzdata joins places with the same clock since 1970, also across a border or an ocean. The place of each of these
    # names is known.
    "America/Coral_Harbour": "America/Atikokan",
    "Atlantic/Jan_Mayen": "Arctic/Longyearbyen",
    "Iceland": "Atlantic/Reykjavik",
    "Pacific/Ponape": "Pacific/Pohnpei",
    "Pacific/Truk": "Pacific/Chuuk",
    "Pacific/Yap": "Pacific/Chuuk",
    # UTC has one name.
    "Etc/GMT": "Etc/UTC",
}
"""The IANA name of the same place by old IANA name, for names that tzdata links to another place or not at all."""

UTC_NAMES = frozenset({"utc", "uct", "z", "zulu", "gmt", "gmt0", "gmt+0", "gmt-0", "coordinated universal time"})
"""Lower-case names of UTC. They come before Windows names, where "GMT Standard Time" is London."""

ABBREVIATIONS: dict[str, tuple[str, ...]] = {
    "ACDT": ("Australia/Adelaide",),
    "ACST": ("Australia/Adelaide", "Australia/Darwin"),
    "ACT": ("Australia/Darwin", "America/Rio_Branco"),
    "ADT": ("America/Halifax",),
    "AEDT": ("Australia/Sydney", "Australia/Melbourne"),
    "AEST": ("Australia/Sydney", "Australia/Brisbane"),
    "AET": ("Australia/Sydney", "Australia/Brisbane"),
    "AGT": ("America/Argentina/Buenos_Aires",),
    "AKDT": ("America/Anchorage",),
    "AKST": ("America/Anchorage",),
    "ART": ("America/Argentina/Buenos_Aires", "Africa/Cairo"),
    "AST": ("America/Halifax", "America/Anchorage", "Asia/Riyadh"),
    "AWST": ("Australia/Perth",),
    "BET": ("America/Sao_Paulo",),
    "BRT": ("America/Sao_Paulo",),
    "BST": ("Europe/London", "Asia/Dhaka"),
    "CAT": ("Africa/Harare", "Africa/Maputo"),
    "CDT": ("America/Chicago", "America/Havana"),
    "CEST": ("Europe/Berlin", "Europe/Paris"),
    "CNT": ("America/St_Johns",),
    "CST": ("America/Chicago", "Asia/Shanghai", "America/Havana"),
    "CT": ("America/Chicago",),
    "CTT": ("Asia/Shanghai",),
    "EAT": ("Africa/Nairobi", "Africa/Addis_Ababa"),
    "ECT": ("America/Guayaquil", "Europe/Paris"),
    "EDT": ("America/New_York",),
    "EEST": ("Europe/Athens", "Europe/Helsinki", "Europe/Kyiv"),
    "EST": ("America/New_York", "America/Panama", "Etc/GMT+5"),
    "ET": ("America/New_York",),
    "GST": ("Asia/Dubai", "Atlantic/South_Georgia"),
    "HKT": ("Asia/Hong_Kong",),
    "HST": ("Pacific/Honolulu", "Etc/GMT+10"),
    "ICT": ("Asia/Bangkok",),
    "IDT": ("Asia/Jerusalem",),
    "IET": ("America/Indiana/Indianapolis",),
    "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "JST": ("Asia/Tokyo",),
    "KST": ("Asia/Seoul",),
    "MDT": ("America/Denver",),
    "MIT": ("Pacific/Apia",),
    "MSK": ("Europe/Moscow",),
    "MST": ("America/Phoenix", "America/Denver"),
    "MT": ("America/Denver",),
    "NDT": ("America/St_Johns",),
    "NET": ("Asia/Yerevan",),
    "NST": ("America/St_Johns", "Pacific/Auckland"),
    "NZDT": ("Pacific/Auckland",),
    "NZST": ("Pacific/Auckland",),
    "PDT": ("America/Los_Angeles",),
    "PHT": ("Asia/Manila",),
    "PKT": ("Asia/Karachi",),
    "PLT": ("Asia/Karachi",),
    "PNT": ("America/Phoenix",),
    "PRT": ("America/Puerto_Rico",),
    "PST": ("America/Los_Angeles", "Asia/Manila"),
    "PT": ("America/Los_Angeles",),
    "SAST": ("Africa/Johannesburg",),
    "SGT": ("Asia/Singapore",),
    "SST": ("Pacific/Pago_Pago", "Pacific/Guadalcanal"),
    "VST": ("Asia/Ho_Chi_Minh",),
    "WAT": ("Africa/Lagos",),
    "WEST": ("Europe/Lisbon",),
    "WIB": ("Asia/Jakarta",),
}
"""The zones that people mean by an abbreviation. A person must confirm even a single candidate: Java reads BST as
Dhaka, Unix reads EST as Panama, and "EDT" is the name of only half a year."""

_RAILS_CITIES = """
Africa/Cairo Africa/Casablanca Africa/Harare Africa/Monrovia Africa/Nairobi America/Bogota America/Caracas
America/Chihuahua America/Mazatlan America/Montevideo America/Monterrey America/Santiago America/Tijuana Asia/Almaty
Asia/Baghdad Asia/Baku Asia/Chongqing Asia/Irkutsk Asia/Jakarta Asia/Jerusalem Asia/Kabul Asia/Kamchatka
Asia/Kathmandu Asia/Krasnoyarsk Asia/Kuwait Asia/Magadan Asia/Novosibirsk Asia/Rangoon Asia/Riyadh Asia/Seoul
Asia/Singapore Asia/Srednekolymsk Asia/Taipei Asia/Tashkent Asia/Tbilisi Asia/Tehran Asia/Ulaanbaatar Asia/Urumqi
Asia/Vladivostok Asia/Yakutsk Asia/Yerevan Australia/Adelaide Australia/Brisbane Australia/Darwin Australia/Hobart
Australia/Perth Australia/Sydney Europe/Amsterdam Europe/Athens Europe/Belgrade Europe/Berlin Europe/Bratislava
Europe/Brussels Europe/Bucharest Europe/Budapest Europe/Copenhagen Europe/Dublin Europe/Helsinki Europe/Istanbul
Europe/Kaliningrad Europe/Lisbon Europe/Ljubljana Europe/Madrid Europe/Minsk Europe/Paris Europe/Prague Europe/Riga
Europe/Rome Europe/Samara Europe/Sarajevo Europe/Skopje Europe/Sofia Europe/Stockholm Europe/Tallinn Europe/Vienna
Europe/Vilnius Europe/Volgograd Europe/Warsaw Europe/Zagreb Pacific/Guam
"""

RAILS: dict[str, tuple[str, ...]] = {
    **{zone.rpartition("/")[2]: (zone,) for zone in _RAILS_CITIES.split()},
    "Abu Dhabi": ("Asia/Muscat",),
    "Alaska": ("America/Juneau",),
    "American Samoa": ("Pacific/Pago_Pago",),
    "Arizona": ("America/Phoenix",),
    "Astana": ("Asia/Almaty", "Asia/Dhaka"),  # differs between versions of Rails
    "Atlantic Time (Canada)": ("America/Halifax",),
    "Auckland": ("Pacific/Auckland",),
    "Azores": ("Atlantic/Azores",),
    "Bangkok": ("Asia/Bangkok",),
    "Beijing": ("Asia/Shanghai",),
    "Bern": ("Europe/Zurich",),
    "Brasilia": ("America/Sao_Paulo",),
    "Buenos Aires": ("America/Argentina/Buenos_Aires",),
    "Canberra": ("Australia/Melbourne",),
    "Cape Verde Is.": ("Atlantic/Cape_Verde",),
    "Central America": ("America/Guatemala",),
    "Central Time (US & Canada)": ("America/Chicago",),
    "Chatham Is.": ("Pacific/Chatham",),
    "Chennai": ("Asia/Kolkata",),
    "Dhaka": ("Asia/Dhaka",),
    "Eastern Time (US & Canada)": ("America/New_York",),
    "Edinburgh": ("Europe/London",),
    "Ekaterinburg": ("Asia/Yekaterinburg",),
    "Fiji": ("Pacific/Fiji",),
    "Georgetown": ("America/Guyana",),
    "Greenland": ("America/Godthab",),
    "Guadalajara": ("America/Mexico_City",),
    "Hanoi": ("Asia/Bangkok",),
    "Hawaii": ("Pacific/Honolulu",),
    "Hong Kong": ("Asia/Hong_Kong",),
    "Indiana (East)": ("America/Indiana/Indianapolis",),
    "International Date Line West": ("Etc/GMT+12",),
    "Islamabad": ("Asia/Karachi",),
    "Karachi": ("Asia/Karachi",),
    "Kolkata": ("Asia/Kolkata",),
    "Kuala Lumpur": ("Asia/Kuala_Lumpur",),
    "Kyiv": ("Europe/Kiev",),
    "La Paz": ("America/La_Paz",),
    "Lima": ("America/Lima",),
    "London": ("Europe/London",),
    "Marshall Is.": ("Pacific/Majuro",),
    "Melbourne": ("Australia/Melbourne",),
    "Mexico City": ("America/Mexico_City",),
    "Mid-Atlantic": ("Atlantic/South_Georgia",),
    "Midway Island": ("Pacific/Midway",),
    "Moscow": ("Europe/Moscow",),
    "Mountain Time (US & Canada)": ("America/Denver",),
    "Mumbai": ("Asia/Kolkata",),
    "Muscat": ("Asia/Muscat",),
    "New Caledonia": ("Pacific/Noumea",),
    "New Delhi": ("Asia/Kolkata",),
    "Newfoundland": ("America/St_Johns",),
    "Nuku'alofa": ("Pacific/Tongatapu",),
    "Osaka": ("Asia/Tokyo",),
    "Pacific Time (US & Canada)": ("America/Los_Angeles",),
    "Port Moresby": ("Pacific/Port_Moresby",),
    "Pretoria": ("Africa/Johannesburg",),
    "Puerto Rico": ("America/Puerto_Rico",),
    "Quito": ("America/Lima",),
    "Samoa": ("Pacific/Apia",),
    "Sapporo": ("Asia/Tokyo",),
    "Saskatchewan": ("America/Regina",),
    "Solomon Is.": ("Pacific/Guadalcanal",),
    "Sri Jayawardenepura": ("Asia/Colombo",),
    "St. Petersburg": ("Europe/Moscow",),
    "Tokelau Is.": ("Pacific/Fakaofo",),
    "Tokyo": ("Asia/Tokyo",),
    "UTC": ("Etc/UTC",),
    "Wellington": ("Pacific/Auckland",),
    "West Central Africa": ("Africa/Algiers",),
    "Zurich": ("Europe/Zurich",),
}
"""IANA names by Rails zone name (``ActiveSupport::TimeZone::MAPPING``, 6.1); several if versions of Rails differ."""
