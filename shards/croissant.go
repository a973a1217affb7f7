package shards

import (
	"encoding/json"
	"fmt"
)

// croissant describes the table as Croissant 1.1, JSON-LD with a hash for each file.
// A commit that adds rows is a new minor version.
func (s *survey) croissant(info CardInfo) ([]byte, error) {
	e := s.newest()
	type object = map[string]any
	files := []object{}
	var ids []object
	for _, f := range s.keptFiles {
		id := "data/" + f.Name
		files = append(files, object{"@type": "cr:FileObject", "@id": id, "name": f.Name, "contentUrl": id,
			"contentSize": fmt.Sprintf("%d B", f.Bytes), "encodingFormat": "application/x-parquet", "sha256": f.SHA256})
		ids = append(ids, object{"@id": id})
	}
	set := object{"@type": "cr:FileSet", "@id": "data", "name": "data", "description": "the kept rows",
		"encodingFormat": "application/x-parquet", "includes": s.paths("data", s.keptFiles)}
	if len(ids) > 0 {
		set["containedIn"] = ids
	}
	var fields []object
	for _, c := range columnsFor(s.signals, false) {
		source := func(column string) object {
			return object{"fileSet": object{"@id": "data"}, "extract": object{"column": column}}
		}
		f := object{"@type": "cr:Field", "@id": "rows/" + c.name, "name": c.name, "dataType": c.kind.croissant(), "source": source(c.name)}
		if c.kind == kindEdits {
			delete(f, "dataType")
			f["repeated"] = true
			f["subField"] = []object{
				{"@type": "cr:Field", "@id": "rows/edits/kind", "name": "kind", "dataType": "sc:Text", "source": source("edits")},
				{"@type": "cr:Field", "@id": "rows/edits/count", "name": "count", "dataType": "cr:Int32", "source": source("edits")}}
		}
		fields = append(fields, f)
	}
	doc := object{
		"@context":   croissantContext(),
		"@type":      "sc:Dataset",
		"conformsTo": "http://mlcommons.org/croissant/1.1",
		"name":       info.Name,
		"description": fmt.Sprintf("A text corpus made by millrace: %d rows kept of %d documents; every other document is in rejects/ with its reason.",
			s.tally.Rows(), s.tally.In),
		"version":                          fmt.Sprintf("1.%d.0", max(e.Version, 0)),
		"isLiveDataset":                    true,
		"distribution":                     append(files, set),
		"recordSet":                        []object{{"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": fields}},
		"rai:dataPreprocessingProtocol":    fmt.Sprintf("millrace %s, recipe %s; the recipe's text is in README.md.", e.Code, e.Recipe),
		"rai:personalSensitiveInformation": "Masked spans are counted for each row in the column edits.",
	}
	if !e.Time.IsZero() {
		doc["datePublished"] = day(e)
	}
	if len(s.langs) > 0 {
		doc["inLanguage"] = s.langs
	}
	if len(s.licences) > 0 {
		doc["license"] = s.licences
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	return append(b, '\n'), err
}

// croissantContext is the context that the specification prescribes.
func croissantContext() map[string]any {
	typed := func(id, typ string) map[string]string { return map[string]string{"@id": id, "@type": typ} }
	return map[string]any{
		"@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/", "cr": "http://mlcommons.org/croissant/",
		"rai": "http://mlcommons.org/croissant/RAI/", "dct": "http://purl.org/dc/terms/", "conformsTo": "dct:conformsTo",
		"citeAs": "cr:citeAs", "column": "cr:column", "data": typed("cr:data", "@json"), "dataType": typed("cr:dataType", "@vocab"),
		"examples": typed("cr:examples", "@json"), "extract": "cr:extract", "field": "cr:field", "fileProperty": "cr:fileProperty",
		"fileObject": "cr:fileObject", "fileSet": "cr:fileSet", "format": "cr:format", "includes": "cr:includes",
		"isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField",
		"path": "cr:path", "recordSet": "cr:recordSet", "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated",
		"replace": "cr:replace", "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
	}
}
