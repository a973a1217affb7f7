package language

import (
	"strings"
	"sync"
)

// known is a language with its function words, and the letters that set it apart within its script.
type known struct {
	code    string
	script  script
	words   string
	letters string
}

func languages() []known {
	return []known{
		{"en", latinScript, "the of and to in is that it was for with as be on are this by have not or from at which but you they an his her its their were has been will would can there we he she if when", ""},
		{"de", latinScript, "der die das und ist nicht ein eine einen einer dem den des zu mit von auf für sich im auch es als werden wird wurde sind bei oder aus nach wie noch nur über durch kann haben sie ich wir aber dass", "ß"},
		{"fr", latinScript, "le la les des du de un une et est dans pour que qui sur par pas avec au aux ce cette sont plus ne il elle nous vous ont être mais ou se son ses leur comme été fait", "œ"},
		{"es", latinScript, "el la los las de del un una y en que es por con para se no lo su al como más pero sus este esta son fue ha o sobre entre cuando también muy hasta desde donde", "ñ¿¡"},
		{"pt", latinScript, "o a os as de do da dos das um uma e em no na nos nas que é por com para se não mais como mas foi ao são ou sua seu pela pelo também muito até quando esta isso", "ãõ"},
		{"it", latinScript, "il lo la i gli le di del della dei delle un una e è in nel nella che per con non si da dal sono come più ma anche al alla questo questa era ha o su tra molto essere", ""},
		{"nl", latinScript, "de het een van en in is dat op te zijn met voor niet aan er om ook als door naar bij worden wordt werd uit over maar dan nog deze dit kan heeft zij we hij geen wel", ""},
		{"sv", latinScript, "och att det i en på är som för av med till den har inte om ett de var jag men så kan från vid eller när vi han hon sig också efter över mycket ska där", "å"},
		{"da", latinScript, "og at det i en på er som for af med til den har ikke om et de var jeg men så kan fra ved eller når vi han hun sig også efter over meget skal der blev hvor", "æø"},
		{"nb", latinScript, "og å det i en på er som for av med til den har ikke om et de var jeg men så kan fra ved eller når vi han hun seg også etter over mye skal der ble hvor", "æø"},
		{"fi", latinScript, "ja on ei se että oli hän mutta ovat joka kun niin kuin myös tai jos sen olla voi vain mitä tämä ovat ole jo sekä hänen tämän nyt sitä kanssa mukaan jälkeen", ""},
		{"pl", latinScript, "i w na z do nie się że jest to o jak po od za przez dla są był była ale który która które oraz tylko może czy już przy być jego jej tego także ich", "łąężśćń"},
		{"cs", latinScript, "a v na se je z do že to s o jako pro po byl byla ale který která které nebo jsou při také jen může být jeho tím aby než až od ve byly podle mezi", "řěů"},
		{"sk", latinScript, "a v na sa je z do že to s o ako pre po bol bola ale ktorý ktorá ktoré alebo sú pri tiež len môže byť jeho tým aby než až od vo boli podľa medzi", "ľĺŕô"},
		{"hu", latinScript, "a az és hogy nem egy is van volt meg ez azt de csak el mint már még ha kell lehet vagy fel ki be után majd között amely által azonban ezt mely", "őű"},
		{"ro", latinScript, "de și în a la cu pe din este nu că o un pentru care mai se au fost sunt ca dar sau prin după când între acest această foarte fi lui îi cele", "ășțţş"},
		{"hr", latinScript, "i u je na se da su za od s kao ne koji koja koje iz ali što bio bila to samo može nakon prema kako biti te ili više još po do", "đ"},
		{"tr", latinScript, "ve bir bu da de için ile olarak olan çok daha en gibi kadar sonra ne ama her o var değil ya oldu olduğu tarafından ancak ise göre iki büyük", "ığş"},
		{"vi", latinScript, "và của là có được không cho trong một những các với người này đã khi từ để đến như về cũng ra nhiều trên theo thì vào", "ơưđạảấầẩẫậắằẳẵặẹẻẽếềểễệ"},
		{"id", latinScript, "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga ke karena adalah oleh bisa ada sebagai dapat telah mereka atau saya kami lebih sudah seperti", ""},
		{"ru", cyrillic, "и в не на что с он как это по к но из за от о так же для все она они был было была бы то или его её их мы вы я при до только уже если когда", "ыэ"},
		{"uk", cyrillic, "і в не на що з він як це по до але із за від про так же для все вона вони був було була би то або його її їх ми ви я при та у й тільки вже якщо коли", "іїєґ"},
		{"bg", cyrillic, "и в не на че с той като това по към но от за си се е да са са във със до при или му го ги бе беше бил ще само още след може които който", "ъ"},
		{"sr", cyrillic, "и у не на да с је се су за од као што али или по то из који која које био била до само може након би бити још при те", "јљњђћџ"},
		{"ar", arabic, "في من على إلى أن عن التي الذي هذا هذه مع كان لا ما أو كما بعد قد لم بين كل وقد ذلك هو هي حيث عند غير إن ثم كانت وهو", "ةىأإ"},
		{"fa", arabic, "و در به از که این را با است برای آن یک خود تا بر هم بود شده می نیز کرد شد اما یا هر باید ها او پس ما دو", "پچژگکی"},
		{"ur", arabic, "کے میں کی ہے اور سے کا کو اس نے پر یہ ہیں کہ بھی ایک تھا ان جو ہو گیا کر تھے نہیں لیے وہ یا تو", "ٹڈڑےںھہ"},
	}
}

// functionWords maps a word to the languages that it is a function word of.
var functionWords = sync.OnceValue(func() map[string][]int {
	index := map[string][]int{}
	for i, l := range languages() {
		for w := range strings.FieldsSeq(l.words) {
			if of := index[w]; len(of) == 0 || of[len(of)-1] != i {
				index[w] = append(of, i)
			}
		}
	}
	return index
})
