export const people = [
  'anon',
  'owner',
  'friend',
  'blocked',
  'stranger',
  'suspended',
  'moderator',
  'admin',
  'service',
] as const;

export type Person = (typeof people)[number];

/** A table or view: its columns by who may write them, the kinds of its rows, and who may do what with them. */
export type Relation = {
  readonly columns: Readonly<Record<string, string>>;
  readonly rows: Readonly<Record<string, string>>;
  readonly access: string;
};

/*
 * Who may do what. A line is an operation, for an insert or update with groups of columns, then kinds of rows: what it does
 * not name is all of them. The legend is in docs/access.md, which is made of this file.
 */
export const relations: Readonly<Record<string, Relation>> = {
  budgets: {
    columns: {
      key: 'id user_id',
      content: 'trip_id category amount currency period starts_on',
      created: 'created_at',
      derived: 'version updated_at',
    },
    rows: {
      own: "the owner's budget",
    },
    access: `
                              anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select                      refused   yes       none      none      none      yes       none      none      yes
  insert key content          refused   yes       refused   refused   refused   refused   refused   refused   yes
  insert created              refused   refused   refused   refused   refused   refused   refused   refused   yes
  insert derived              refused   refused   refused   refused   refused   refused   refused   refused   refused
  update content              refused   yes       none      none      none      refused   none      none      yes
  update key created derived  refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete                      refused   yes       none      none      none      none      none      none      yes
  truncate                    refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  expenses: {
    columns: {
      key: 'id user_id import_key',
      content: 'trip_id amount currency category description date location receipt_url tags metadata',
      created: 'created_at',
      derived: 'version updated_at',
    },
    rows: {
      own: "the owner's expense",
    },
    access: `
                              anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select                      refused   yes       none      none      none      yes       none      none      yes
  insert key content          refused   yes       refused   refused   refused   refused   refused   refused   yes
  insert created              refused   refused   refused   refused   refused   refused   refused   refused   yes
  insert derived              refused   refused   refused   refused   refused   refused   refused   refused   refused
  update content              refused   yes       none      none      none      refused   none      none      yes
  update key created derived  refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete                      refused   yes       none      none      none      none      none      none      yes
  truncate                    refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  friendships: {
    columns: {
      derived: 'user_id friend_id status created_at updated_at',
    },
    rows: {
      own: "the owner's side of a friendship with a guest",
      theirs: "the guest's side of it",
    },
    access: `
                 anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select own     refused   yes       none      none      none      yes       none      none      yes
  select theirs  refused   none      none      none      none      none      none      none      yes
  insert         refused   refused   refused   refused   refused   refused   refused   refused   refused
  update         refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete         refused   refused   refused   refused   refused   refused   refused   refused   refused
  truncate       refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  income_entries: {
    columns: {
      key: 'id user_id',
      content: 'amount currency source description date type frequency ends_on metadata',
      created: 'created_at',
      derived: 'version updated_at',
    },
    rows: {
      own: "the owner's income",
    },
    access: `
                              anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select                      refused   yes       none      none      none      yes       none      none      yes
  insert key content          refused   yes       refused   refused   refused   refused   refused   refused   yes
  insert created              refused   refused   refused   refused   refused   refused   refused   refused   yes
  insert derived              refused   refused   refused   refused   refused   refused   refused   refused   refused
  update content              refused   yes       none      none      none      refused   none      none      yes
  update key created derived  refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete                      refused   yes       none      none      none      none      none      none      yes
  truncate                    refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  kysely_migration: {
    columns: {
      all: 'name timestamp',
    },
    rows: {
      any: 'any row',
    },
    access: `
            anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select    refused   refused   refused   refused   refused   refused   refused   refused   refused
  insert    refused   refused   refused   refused   refused   refused   refused   refused   refused
  update    refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete    refused   refused   refused   refused   refused   refused   refused   refused   refused
  truncate  refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  kysely_migration_lock: {
    columns: {
      all: 'id is_locked',
    },
    rows: {
      any: 'any row',
    },
    access: `
            anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select    refused   refused   refused   refused   refused   refused   refused   refused   refused
  insert    refused   refused   refused   refused   refused   refused   refused   refused   refused
  update    refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete    refused   refused   refused   refused   refused   refused   refused   refused   refused
  truncate  refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  pam_conversations: {
    columns: {
      key: 'id user_id session_id',
      status: 'status',
      context: 'context',
      created: 'created_at',
      derived: 'updated_at',
    },
    rows: {
      own: "the owner's conversation",
    },
    access: `
                                 anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select                         refused   yes       none      none      none      yes       none      none      yes
  insert key                     refused   yes       refused   refused   refused   refused   refused   refused   yes
  insert status context created  refused   refused   refused   refused   refused   refused   refused   refused   yes
  insert derived                 refused   refused   refused   refused   refused   refused   refused   refused   refused
  update status                  refused   yes       none      none      none      refused   none      none      yes
  update context                 refused   refused   refused   refused   refused   refused   refused   refused   yes
  update key created derived     refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete                         refused   yes       none      none      none      none      none      none      yes
  truncate                       refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  pam_feedback: {
    columns: {
      key: 'id user_id message_id',
      content: 'rating feedback_text feedback_type thumbs_up metadata',
      derived: 'created_at updated_at',
    },
    rows: {
      own: "the owner's feedback",
    },
    access: `
                      anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select              refused   yes       none      none      none      yes       none      none      yes
  insert key content  refused   yes       refused   refused   refused   refused   refused   refused   yes
  insert derived      refused   refused   refused   refused   refused   refused   refused   refused   refused
  update content      refused   yes       none      none      none      refused   none      none      yes
  update key derived  refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete              refused   yes       none      none      none      none      none      none      yes
  truncate            refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  pam_messages: {
    columns: {
      content: 'id user_id conversation_id role content metadata',
      created: 'created_at',
      derived: 'position updated_at',
    },
    rows: {
      own: "the owner's message",
    },
    access: `
                  anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select          refused   yes       none      none      none      yes       none      none      yes
  insert content  refused   yes       refused   refused   refused   refused   refused   refused   yes
  insert created  refused   refused   refused   refused   refused   refused   refused   refused   yes
  insert derived  refused   refused   refused   refused   refused   refused   refused   refused   refused
  update          refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete          refused   refused   refused   refused   refused   refused   refused   refused   yes
  truncate        refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  places: {
    columns: {
      key: 'id user_id',
      content: 'trip_id name kind location rating notes tags',
      created: 'created_at',
      derived: 'version updated_at',
    },
    rows: {
      own: "the owner's place",
    },
    access: `
                              anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select                      refused   yes       none      none      none      yes       none      none      yes
  insert key content          refused   yes       refused   refused   refused   refused   refused   refused   yes
  insert created              refused   refused   refused   refused   refused   refused   refused   refused   yes
  insert derived              refused   refused   refused   refused   refused   refused   refused   refused   refused
  update content              refused   yes       none      none      none      refused   none      none      yes
  update key created derived  refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete                      refused   yes       none      none      none      none      none      none      yes
  truncate                    refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  post_comments: {
    columns: {
      content: 'content',
      derived: 'id post_id user_id post_user_id post_visibility created_at updated_at',
    },
    rows: {
      public: "the owner's comment on their public post",
      friends: "the owner's comment on their post for friends",
      private: "the owner's comment on their private post",
      guest_public: "a guest's comment on the owner's public post",
      guest_friends: "a guest's comment on the owner's post for friends",
      guest_private: "a guest's comment on the owner's post, private by now",
      elsewhere: "the owner's comment on a guest's public post",
    },
    access: `
                                         anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select public guest_public elsewhere   refused   yes       yes       none      yes       yes       yes       yes       yes
  select friends guest_friends           refused   yes       yes       none      none      yes       yes       yes       yes
  select private guest_private           refused   yes       none      none      none      yes       none      none      yes
  insert                                 refused   refused   refused   refused   refused   refused   refused   refused   refused
  update content public friends private  refused   yes       none      none      none      refused   none      none      yes
  update content elsewhere               refused   yes       none      none      none      refused   none      none      yes
  update content guest_public            refused   none      none      none      none      none      none      none      yes
  update content guest_friends           refused   none      none      none      none      none      none      none      yes
  update content guest_private           refused   none      none      none      none      none      none      none      yes
  update derived                         refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete public friends elsewhere        refused   yes       none      none      none      none      yes       yes       yes
  delete private                         refused   yes       none      none      none      none      none      none      yes
  delete guest_public guest_friends      refused   yes       none      none      none      none      yes       yes       yes
  delete guest_private                   refused   yes       none      none      none      none      none      none      yes
  truncate                               refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  post_likes: {
    columns: {
      derived: 'post_id user_id post_user_id post_visibility created_at',
    },
    rows: {
      public: "the owner's like of their public post",
      friends: "the owner's like of their post for friends",
      private: "the owner's like of their private post",
      guest_public: "a guest's like of the owner's public post",
      guest_friends: "a guest's like of the owner's post for friends",
      guest_private: "a guest's like of the owner's post, private by now",
      elsewhere: "the owner's like of a guest's public post",
    },
    access: `
                                        anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select public guest_public elsewhere  refused   yes       yes       none      yes       yes       yes       yes       yes
  select friends guest_friends          refused   yes       yes       none      none      yes       yes       yes       yes
  select private guest_private          refused   yes       none      none      none      yes       none      none      yes
  insert                                refused   refused   refused   refused   refused   refused   refused   refused   refused
  update                                refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete public friends private         refused   yes       none      none      none      none      none      none      yes
  delete elsewhere                      refused   yes       none      none      none      none      none      none      yes
  delete guest_public guest_friends     refused   none      none      none      none      none      none      none      yes
  delete guest_private                  refused   none      none      none      none      none      none      none      yes
  truncate                              refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  post_locations: {
    columns: {
      key: 'post_id user_id',
      content: 'location',
      derived: 'created_at updated_at',
    },
    rows: {
      own: "the exact place of the owner's public post",
    },
    access: `
                      anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select              refused   yes       none      none      none      yes       none      none      yes
  insert key content  refused   yes       refused   refused   refused   refused   refused   refused   yes
  insert derived      refused   refused   refused   refused   refused   refused   refused   refused   refused
  update content      refused   yes       none      none      none      refused   none      none      yes
  update key derived  refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete              refused   yes       none      none      none      none      none      none      yes
  truncate            refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  posts: {
    columns: {
      key: 'id user_id',
      content: 'trip_id title content images location tags visibility metadata',
      created: 'created_at',
      derived: 'likes_count comments_count version updated_at search coordinates',
    },
    rows: {
      public: "the owner's public post",
      friends: "the owner's post for friends",
      private: "the owner's private post",
    },
    access: `
                              anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select public               yes       yes       yes       none      yes       yes       yes       yes       yes
  select friends              none      yes       yes       none      none      yes       yes       yes       yes
  select private              none      yes       none      none      none      yes       none      none      yes
  insert key content          refused   yes       refused   refused   refused   refused   refused   refused   yes
  insert created              refused   refused   refused   refused   refused   refused   refused   refused   yes
  insert derived              refused   refused   refused   refused   refused   refused   refused   refused   refused
  update content              refused   yes       none      none      none      refused   none      none      yes
  update key created derived  refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete public friends       refused   yes       none      none      none      none      yes       yes       yes
  delete private              refused   yes       none      none      none      none      none      none      yes
  truncate                    refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  profiles: {
    columns: {
      content: 'full_name avatar_url region timezone currency preferences',
      authority: 'role status',
      derived: 'id user_id email version created_at updated_at',
    },
    rows: {
      own: "the owner's profile",
    },
    access: `
                    anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select            refused   yes       none      none      none      yes       none      none      yes
  insert            refused   refused   refused   refused   refused   refused   refused   refused   refused
  update content    refused   yes       none      none      none      refused   none      none      yes
  update authority  refused   refused   refused   refused   refused   refused   refused   refused   yes
  update derived    refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete            refused   yes       none      none      none      none      none      none      yes
  truncate          refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  public_profiles: {
    columns: {
      derived: 'id full_name avatar_url public_posts_count published created_at updated_at',
    },
    rows: {
      author: "the owner's, who has a public post",
      newcomer: 'of somebody without posts, who blocks nobody',
    },
    access: `
                   anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select author    yes       yes       yes       none      yes       yes       yes       yes       yes
  select newcomer  none      yes       yes       yes       yes       yes       yes       yes       yes
  insert           refused   refused   refused   refused   refused   refused   refused   refused   refused
  update           refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete           refused   refused   refused   refused   refused   refused   refused   refused   refused
  truncate         refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  trips: {
    columns: {
      key: 'id user_id',
      content: 'name description start_date end_date status budget_total currency route_data destinations metadata',
      created: 'created_at',
      derived: 'budget_spent spent_by_currency expense_count version updated_at search',
    },
    rows: {
      own: "the owner's trip",
    },
    access: `
                              anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select                      refused   yes       none      none      none      yes       none      none      yes
  insert key content          refused   yes       refused   refused   refused   refused   refused   refused   yes
  insert created              refused   refused   refused   refused   refused   refused   refused   refused   yes
  insert derived              refused   refused   refused   refused   refused   refused   refused   refused   refused
  update content              refused   yes       none      none      none      refused   none      none      yes
  update key created derived  refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete                      refused   yes       none      none      none      none      none      none      yes
  truncate                    refused   refused   refused   refused   refused   refused   refused   refused   refused`,
  },
  trip_financial_summary: {
    columns: {
      all: 'trip_id trip_name user_id budget_total actual_spent remaining_budget expense_count recent_expenses currency spent_by_currency',
    },
    rows: {
      own: "of the owner's trip",
    },
    access: `
            anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select    refused   yes       none      none      none      yes       none      none      yes
  insert    never     never     never     never     never     never     never     never     never
  update    never     never     never     never     never     never     never     never     never
  delete    never     never     never     never     never     never     never     never     never
  truncate  never     never     never     never     never     never     never     never     never`,
  },
  user_financial_summary: {
    columns: {
      all: 'user_id email total_expenses total_income net_income expense_categories summary_date currency by_currency',
    },
    rows: {
      own: 'of the owner',
    },
    access: `
            anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select    refused   yes       none      none      none      yes       none      none      yes
  insert    never     never     never     never     never     never     never     never     never
  update    never     never     never     never     never     never     never     never     never
  delete    never     never     never     never     never     never     never     never     never
  truncate  never     never     never     never     never     never     never     never     never`,
  },
};

/** Functions of public, and whose row or on whose post where there are several. */
export const functions = `
                                anon      owner     friend    blocked   stranger  suspended moderator admin     service
  accept_friend                 refused   yes       yes       yes       yes       refused   yes       yes       refused
  block_user                    refused   yes       yes       yes       yes       refused   yes       yes       refused
  blocked_users                 refused   yes       none      none      none      yes       none      none      none
  cancel_friend_request         refused   yes       yes       yes       yes       refused   yes       yes       refused
  comment_on_post public        refused   yes       yes       missing   yes       refused   yes       yes       refused
  comment_on_post friends       refused   yes       yes       missing   missing   refused   missing   missing   refused
  comment_on_post private       refused   yes       missing   missing   missing   refused   missing   missing   refused
  decline_friend_request        refused   yes       yes       yes       yes       refused   yes       yes       refused
  delete_comment public         refused   yes       none      none      none      refused   yes       yes       yes
  delete_comment friends        refused   yes       none      none      none      refused   yes       yes       yes
  delete_comment private        refused   yes       none      none      none      refused   none      none      none
  delete_comment guest_public   refused   yes       none      none      none      refused   yes       yes       yes
  delete_comment guest_friends  refused   yes       none      none      none      refused   yes       yes       yes
  delete_comment guest_private  refused   yes       none      none      none      refused   none      none      none
  delete_comment elsewhere      refused   yes       none      none      none      refused   yes       yes       yes
  friends_posts public          refused   none      yes       none      none      none      none      none      none
  friends_posts friends         refused   none      yes       none      none      none      none      none      none
  friends_posts private         refused   none      none      none      none      none      none      none      none
  get_user_activity trip        refused   yes       none      none      none      yes       none      none      yes
  get_user_activity expense     refused   yes       none      none      none      yes       none      none      yes
  get_user_activity public      refused   yes       yes       none      yes       yes       yes       yes       yes
  get_user_activity friends     refused   yes       yes       none      none      yes       yes       yes       yes
  get_user_activity private     refused   yes       none      none      none      yes       none      none      yes
  income_occurrences            refused   yes       none      none      none      yes       none      none      none
  jsonb_merge_patch             refused   yes       yes       yes       yes       yes       yes       yes       yes
  like_post public              refused   yes       yes       missing   yes       refused   yes       yes       refused
  like_post friends             refused   yes       yes       missing   missing   refused   missing   missing   refused
  like_post private             refused   yes       missing   missing   missing   refused   missing   missing   refused
  list_blocked_users            refused   yes       none      none      none      yes       none      none      none
  list_own_comments             refused   yes       none      none      none      yes       none      none      none
  list_own_likes                refused   yes       none      none      none      yes       none      none      none
  messages stored               refused   yes       none      none      none      yes       none      none      yes
  messages forged               refused   yes       none      none      none      yes       none      none      yes
  mutual_friends                refused   yes       yes       none      none      yes       none      none      none
  posts_near public             yes       yes       yes       none      yes       yes       yes       yes       yes
  posts_near friends            none      yes       yes       none      none      yes       none      none      none
  posts_near private            none      yes       none      none      none      yes       none      none      none
  remove_friend                 refused   yes       yes       missing   none      refused   none      none      refused
  request_friend                refused   yes       yes       missing   yes       refused   yes       yes       refused
  search_messages               refused   yes       none      none      none      yes       none      none      yes
  search_posts public           yes       yes       yes       none      yes       yes       yes       yes       yes
  search_posts friends          none      yes       yes       none      none      yes       none      none      none
  search_posts private          none      yes       none      none      none      yes       none      none      none
  search_trips                  refused   yes       none      none      none      yes       none      none      yes
  tagged_posts public           yes       yes       yes       none      yes       yes       yes       yes       yes
  tagged_posts friends          none      yes       yes       none      none      yes       none      none      none
  tagged_posts private          none      yes       none      none      none      yes       none      none      none
  unblock_user                  refused   yes       none      none      none      refused   none      none      refused
  unlike_post                   refused   yes       yes       yes       yes       refused   yes       yes       refused
  user_income_occurrences       refused   yes       none      none      none      yes       none      none      yes`;

/** Every sequence of public. */
export const sequences = `
           anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select   refused   refused   refused   refused   refused   refused   refused   refused   refused
  nextval  refused   refused   refused   refused   refused   refused   refused   refused   refused
  setval   refused   refused   refused   refused   refused   refused   refused   refused   refused`;

/** Whatever is in the schema private. */
export const hidden = `
            anon      owner     friend    blocked   stranger  suspended moderator admin     service
  select    refused   refused   refused   refused   refused   refused   refused   refused   refused
  insert    refused   refused   refused   refused   refused   refused   refused   refused   refused
  update    refused   refused   refused   refused   refused   refused   refused   refused   refused
  delete    refused   refused   refused   refused   refused   refused   refused   refused   refused
  truncate  refused   refused   refused   refused   refused   refused   refused   refused   refused
  call      refused   refused   refused   refused   refused   refused   refused   refused   refused`;
