package langmodel

import (
	"strings"
	"sync"
)

// languages maps each language that is learned to the scripts that it is known in. Those with a script of their own are listed in
// clean/language, and not here.
var languages = sync.OnceValue(func() map[string][]string {
	known := map[string][]string{}
	for script, list := range map[string]string{
		"Latn": `af ak ast az br bs ca ceb co crh cs cy da de ee en eo es et eu fi fo fr fy ga gd gl gn gv ha haw hr ht hu id ig ilo is it jv kab kl ku la lb lg ln
			lt lv mg mi ms mt nb nds nl nn nso ny oc om pl pt qu rm ro rw sc scn se sk sl sn so sq sr ss st su sv sw tk tl tn tr ts uz vi wa war wo xh yo zu`,
		"Cyrl": "ab az ba be bg ce cv kk ky mk mn os ru sah sr tg tk tt uk uz",
		"Arab": "ar azb ckb fa pnb ps sd ug ur",
		"Deva": "bho hi mai mr ne sa",
		"Beng": "as bn",
		"Hebr": "he yi",
		"Ethi": "am ti",
		"Tibt": "bo dz",
	} {
		for lang := range strings.FieldsSeq(list) {
			known[lang] = append(known[lang], script)
		}
	}
	return known
})
