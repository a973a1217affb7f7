package shards

import (
	"bytes"
	"encoding/json"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/schema"
)

// parquetSchema is the schema of a file with these columns.
func parquetSchema(cols []column) (*schema.GroupNode, error) {
	fields := make(schema.FieldList, 0, len(cols))
	for _, c := range cols {
		n, err := parquetNode(c)
		if err != nil {
			return nil, err
		}
		fields = append(fields, n)
	}
	return schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
}

func parquetNode(c column) (schema.Node, error) {
	rep := parquet.Repetitions.Optional
	if c.required {
		rep = parquet.Repetitions.Required
	}
	switch c.kind {
	case kindBinary:
		return schema.NewByteArrayNode(c.name, rep, -1), nil
	case kindInt32:
		return schema.NewInt32Node(c.name, rep, -1), nil
	case kindInt64:
		return schema.NewInt64Node(c.name, rep, -1), nil
	case kindTime:
		return schema.NewPrimitiveNodeLogical(c.name, rep, schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), parquet.Types.Int64, 0, -1)
	case kindFloat32:
		return schema.NewFloat32Node(c.name, rep, -1), nil
	case kindFloat64:
		return schema.NewFloat64Node(c.name, rep, -1), nil
	case kindEdits:
		return editsNode(c.name, rep)
	default:
		return stringNode(c.name, rep)
	}
}

func stringNode(name string, rep parquet.Repetition) (schema.Node, error) {
	return schema.NewPrimitiveNodeLogical(name, rep, schema.StringLogicalType{}, parquet.Types.ByteArray, 0, -1)
}

// editsNode is a list in the three levels that the Parquet format asks for.
func editsNode(name string, rep parquet.Repetition) (schema.Node, error) {
	k, err := stringNode("kind", parquet.Repetitions.Required)
	if err != nil {
		return nil, err
	}
	fields := schema.FieldList{k, schema.NewInt32Node("count", parquet.Repetitions.Required, -1)}
	element, err := schema.NewGroupNode("element", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return nil, err
	}
	return schema.ListOfWithName(name, element, rep, -1)
}

// names of a column's type elsewhere.
func (k kind) delta() string {
	return [...]string{"string", "binary", "integer", "long", "timestamp", "float", "double", ""}[k]
}

func (k kind) huggingFace() string {
	return [...]string{"string", "binary", "int32", "int64", "timestamp[us, tz=UTC]", "float32", "float64", ""}[k]
}

func (k kind) croissant() string {
	return [...]string{"sc:Text", "sc:Text", "cr:Int32", "cr:Int64", "sc:DateTime", "cr:Float32", "cr:Float64", "sc:Text"}[k]
}

type deltaField struct {
	Name     string   `json:"name"`
	Type     any      `json:"type"`
	Nullable bool     `json:"nullable"`
	Metadata struct{} `json:"metadata"`
}

type deltaStruct struct {
	Type   string       `json:"type"`
	Fields []deltaField `json:"fields"`
}

type deltaArray struct {
	Type         string `json:"type"`
	ElementType  any    `json:"elementType"`
	ContainsNull bool   `json:"containsNull"`
}

// deltaSchema is the schema of kept rows as Delta Lake writes it.
func deltaSchema(signals []string) (string, error) {
	s := deltaStruct{Type: "struct"}
	for _, c := range columnsFor(signals, false) {
		f := deltaField{Name: c.name, Type: c.kind.delta(), Nullable: true}
		if c.kind == kindEdits {
			f.Type = deltaArray{Type: "array", ElementType: deltaStruct{Type: "struct", Fields: []deltaField{
				{Name: "kind", Type: "string", Nullable: true}, {Name: "count", Type: "integer", Nullable: true}}}, ContainsNull: true}
		}
		s.Fields = append(s.Fields, f)
	}
	b, err := json.Marshal(s)
	return string(b), err
}

// deltaSignals reads the names of the signals back from a schema.
func deltaSignals(schemaString string) ([]string, error) {
	var s struct {
		Fields []struct {
			Name string `json:"name"`
		} `json:"fields"`
	}
	if err := json.Unmarshal([]byte(schemaString), &s); err != nil {
		return nil, err
	}
	var names []string
	for _, f := range s.Fields {
		if n := len(signalPrefix); len(f.Name) > n && f.Name[:n] == signalPrefix {
			names = append(names, f.Name[n:])
		}
	}
	return names, nil
}

// huggingFaceInfo is the footer entry from which the datasets library takes its features. The order of
// the columns matters there, so the object is written by hand.
func huggingFaceInfo(cols []column) string {
	var b bytes.Buffer
	value := func(dtype string) { b.WriteString(`{"dtype":"` + dtype + `","_type":"Value"}`) }
	b.WriteString(`{"info":{"features":{`)
	for i, c := range cols {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + c.name + `":`)
		if c.kind == kindEdits {
			b.WriteString(`[{"kind":`)
			value("string")
			b.WriteString(`,"count":`)
			value("int32")
			b.WriteString(`}]`)
			continue
		}
		value(c.kind.huggingFace())
	}
	b.WriteString(`}}}`)
	return b.String()
}
